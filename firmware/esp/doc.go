// Package esp reads what stands in the flash of Espressif's chips: application images of the ESP8266 and of the ESP32
// family, partition tables, and the data that chooses between two applications.
//
// It promises that the checksum over the segments and the SHA-256 behind the image are computed, that the chip which an
// image is for is told as a claim, and that of two records of the choice the one in force is told.
//
// # Layout
//
//	image      E9, number of segments, flash mode, flash size and speed, entry point (4 bytes); ESP32: 16 bytes more, of
//	           which 4 hold the chip's number (2 bytes) and 15 whether a SHA-256 follows; each segment: load address,
//	           size, data; zeros up to the last byte of 16; checksum: XOR of all data and 0xEF; SHA-256 of all before
//	about      in the first segment: ABCD5432, secure version, 8 bytes, version (32), project (32), time, date (16 each),
//	           version of ESP-IDF (32), SHA-256 of the ELF file
//	table      entries of 32 bytes: AA 50, type, subtype, offset, size, label (16), flags; then EB EB, 14 bytes FF, MD5 of
//	           all entries
//	choice     in each of two sectors of 4096 bytes: sequence, label (20), state, CRC-32 of the sequence
//
// All numbers are little-endian.
//
// # Sources
//
// Followed: ESP-IDF 5.2, esp_app_format.h, esp_app_desc.h, esp_flash_partitions.h, bootloader_common.c (CRC of the
// choice), and the chapters "App Image Format" and "Partition Tables" of its programming guide; esptool 4.7,
// documentation "Firmware Image Format". Files are made by the tests from these, and not checked against the maker's tool.
package esp
