package all

import (
	"context"

	"salvor/block"
	"salvor/firmware"
	"salvor/firmware/dtb"
	"salvor/firmware/fit"
	"salvor/firmware/ubootenv"
)

// DeviceKeys returns the public keys by which a boot loader checks what it boots, from its own device tree at offset 0 of
// src. What is no device tree is cursor.ErrNot.
func DeviceKeys(ctx context.Context, src block.Source) ([]firmware.Key, error) {
	return fit.Keys(ctx, src)
}

// Boards returns what the device tree at offset 0 of src says of its board, the board first and its chip last. What is no
// device tree is cursor.ErrNot; an overlay says nothing.
func Boards(ctx context.Context, src block.Source) ([]string, error) { return dtb.Compatible(ctx, src) }

// Environment is a copy of U-Boot's environment at its place, sound or torn.
type Environment = ubootenv.Copy

// Environments returns the one or the two copies of U-Boot's environment in src, the first at offset 0. Where there is none
// it answers cursor.ErrNot.
func Environments(ctx context.Context, src block.Source) ([]Environment, error) {
	return ubootenv.Copies(ctx, src)
}

// EnvironmentInForce says which of two copies U-Boot uses, and why; its Index is -1 when it uses neither.
func EnvironmentInForce(a, b *Environment) ubootenv.Choice { return ubootenv.Current(&a.Env, &b.Env) }
