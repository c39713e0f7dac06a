// Package javaclass judges classes of Java.
//
// The pool of constants, the fields, the methods and all attributes are walked; the file ends behind the last one.
// References inside the pool must point at entries of the right kind. There is no checksum: Consistent is the most
// that is said. The name is that of the class.
//
// Layout: CA FE BA BE, version(4), count(2) and constants, access(2), this class(2), its parent(2), and each with a
// count(2): interfaces, fields, methods, attributes. Numbers have the high byte first.
//
// Followed: The Java Virtual Machine Specification, Java SE 21, chapter 4.
package javaclass
