package all

import (
	"context"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/dtb"
	"salvor/firmware/fit"
)

// DeviceKeys returns the public keys by which a boot loader checks what it boots, from its own device tree at offset 0 of
// src. What is no device tree is cursor.ErrNot.
func DeviceKeys(ctx context.Context, src block.Source) ([]firmware.Key, error) {
	return fit.Keys(ctx, src)
}

// Boards returns what the device tree at offset 0 of src says of its board, the board first and its chip last. What is no
// device tree is cursor.ErrNot; an overlay says nothing.
func Boards(ctx context.Context, src block.Source) ([]string, error) { return dtb.Compatible(ctx, src) }
