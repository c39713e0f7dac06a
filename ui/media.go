package ui

import (
	"strings"

	"salvor/filetype"
	"salvor/recovery"
)

// pictures, sounds and films are the formats that a browser shows by itself, and runs nothing of. HTML, SVG, PDF and all
// else are only handed out as files.
var (
	pictures = map[string]string{"jpeg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp", "bmp": "image/bmp"}
	sounds   = map[string]string{"mp3": "audio/mpeg", "wav": "audio/wav", "flac": "audio/flac", "aac": "audio/aac", "ogg": "audio/ogg",
		"mp4": "audio/mp4", "mov": "audio/mp4", "matroska": "audio/webm"}
	films = map[string]string{"mp4": "video/mp4", "mov": "video/mp4", "ogg": "video/ogg", "matroska": "video/webm"}
)

// plainMedium returns the type of a file that may be shown in place, "" for all else. One format may hold sound, films and
// photos that only its own readers show.
func plainMedium(e *recovery.Entry) string {
	switch e.Class {
	case filetype.Audio:
		return sounds[e.Format]
	case filetype.Video:
		return films[e.Format]
	}
	return pictures[e.Format]
}

// playable returns "audio" or "video" for what a browser plays, "" for all else.
func playable(e *recovery.Entry) string {
	kind, _, _ := strings.Cut(plainMedium(e), "/")
	if kind == "image" || e.Verdict == filetype.Encrypted {
		return ""
	}
	return kind
}
