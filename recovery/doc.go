// Package recovery joins all that was found into one catalogue, judges it on one scale, and saves it.
package recovery
