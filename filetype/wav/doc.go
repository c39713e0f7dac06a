// Package wav judges WAV sound: RIFF, and RF64 and BW64 for more than 4 GiB.
//
// It promises that the chunks follow each other up to the end that the file announces, that the description of the
// sound agrees with itself and with the amount of data, and that every byte was read. A recording that was never
// closed, whose header tells no length, is not checked: nothing says where it ends.
//
// The best verdict is Consistent: a WAV carries no checksum, and every sample is a valid one.
//
//	"RIFF" size(4) "WAVE", chunks: "fmt " with the kind of sound, "data" with the samples, others
//	"RF64" -1(4) "WAVE" "ds64" with sizes of 8 bytes, ...
//
// Followed: Multimedia Programming Interface and Data Specifications 1.0 (IBM and Microsoft, 1991), EBU Tech 3285 (bext,
// version 2), EBU Tech 3306 (RF64, version 1.1), ITU-R BS.2088 (BW64).
package wav
