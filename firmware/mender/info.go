package mender

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"salvor/cursor"
)

const (
	maxInfo  = 4 << 20
	maxLines = 20_000
)

// line is a line of a manifest.
type line struct {
	sum  []byte
	name string
	seen bool // the file was found
}

// parseManifest reads the lines of a manifest. Each byte of it has its place: anything else is broken.
func parseManifest(p []byte) ([]line, error) {
	var out []line
	at := int64(0)
	for text := range bytes.SplitAfterSeq(p, []byte("\n")) {
		if len(text) == 0 {
			break
		}
		here := at
		at += int64(len(text))
		digits, name, ok := strings.Cut(strings.TrimSuffix(string(text), "\n"), "  ")
		sum, err := hex.DecodeString(digits)
		if !ok || err != nil || len(sum) != 32 || name == "" || digits != strings.ToLower(digits) || len(out) >= maxLines {
			return nil, cursor.Corrupt("mender: manifest", here, fmt.Sprintf("a SHA-256, two spaces and a name, at most %d times", maxLines), fmt.Sprintf("%.80q", text))
		}
		out = append(out, line{sum: sum, name: name})
	}
	return out, nil
}

// texts is a text, or a list of them.
type texts []string

// UnmarshalJSON takes both, and passes over what is neither.
func (t *texts) UnmarshalJSON(p []byte) error {
	var one string
	if json.Unmarshal(p, &one) == nil {
		*t = texts{one}
		return nil
	}
	var many []string
	if json.Unmarshal(p, &many) == nil {
		*t = many
	}
	return nil
}

// info is what header-info says, of both versions.
type info struct {
	Payloads []payload        `json:"payloads"`
	Updates  []payload        `json:"updates"`
	Provides map[string]texts `json:"artifact_provides"`
	Depends  map[string]texts `json:"artifact_depends"`
	Name     string           `json:"artifact_name"`
	Devices  []string         `json:"device_types_compatible"`
}

type payload struct {
	Type string `json:"type"`
}

// typeInfo is what is said of one payload.
type typeInfo struct {
	Type     string           `json:"type"`
	Provides map[string]texts `json:"artifact_provides"`
	Depends  map[string]texts `json:"artifact_depends"`
	Clears   []string         `json:"clears_artifact_provides"`
}

// head is what the file version says.
type head struct {
	Format  string `json:"format"`
	Version int    `json:"version"`
}

func parseJSON(structure string, p []byte, out any) error {
	if err := json.Unmarshal(p, out); err != nil {
		return cursor.Corrupt("mender: "+structure, 0, "an object of JSON", err)
	}
	return nil
}

// sorted returns "key=value" of all keys, in order.
func sorted(m map[string]texts) (out []string) {
	for k, v := range m {
		out = append(out, k+"="+strings.Join(v, " or "))
	}
	slices.Sort(out)
	return out
}
