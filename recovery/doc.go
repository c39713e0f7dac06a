// Package recovery brings all that was found into one catalogue, judges it, and saves it.
package recovery
