//go:build !linux && !windows

package casefile

func bootID() string { return "" }

func processStart(int) string { return "" }

func processDefunct(int) bool { return false }
