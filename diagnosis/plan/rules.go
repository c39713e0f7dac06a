package plan

import (
	"slices"

	"salvor/diagnosis"
)

// rule says why a stage is left out, "" when it is not, and on which conditions its step stands.
func (m *making) rule(s Stage) (why string, conditions []string) {
	switch s {
	case "unique", "files":
		return "", nil
	case "package":
		if m.device.PackageWhole == "OK" && m.device.PackageFits == "OK" {
			return "It was checked: it is whole and for this device.", nil
		}
	case "retry":
		return m.retry()
	case "other":
		return m.other()
	case "manual":
		return m.manual()
	case "reset":
		return m.reset(), nil
	}
	return "", nil
}

// failing says why nothing must be written to the storage; "" when nothing speaks for that.
func (m *making) failing() string {
	switch {
	case m.device.StorageSound == No:
		return "The storage says of itself that it fails or is worn. Writing to it can cost what can still be read: replace it first."
	case m.answer.Cause.Class() == "storage" || m.answer.Cause == "space.ubi":
		return m.base.rows[m.answer.Cause].Why
	case m.device.StorageSound != Yes && m.suspected("storage"):
		return "It could also be the storage. Until its health was checked, nothing is to be written to it."
	}
	return ""
}

// suspected reports whether a cause of this class is at least possible.
func (m *making) suspected(class diagnosis.Class) bool {
	return slices.ContainsFunc(m.answer.Conclusions, func(c diagnosis.Conclusion) bool {
		return c.Class == class && c.Grade >= diagnosis.Possible
	})
}

// locks says why trying again can destroy the device; "" when nothing speaks for that.
func (m *making) locks() string {
	if m.answer.NeverRetry || m.suspected("genuine") && slices.ContainsFunc(m.answer.Conclusions, func(c diagnosis.Conclusion) bool {
		return c.Cause == rollback && c.Grade >= diagnosis.Possible
	}) || m.answer.Cause == rollback {
		return m.base.rows[rollback].Why
	}
	return ""
}

const rollback diagnosis.Cause = "genuine.rollback"

func (m *making) retry() (why string, conditions []string) {
	if why := m.locks(); why != "" {
		return why, nil
	}
	if why := m.failing(); why != "" {
		return why, nil
	}
	switch {
	case m.row == nil || m.answer.Grade < diagnosis.Possible:
		return "As long as the cause cannot be told, trying again can make it worse.", nil
	case m.row.Retry == retryNever:
		return m.row.Why, nil
	case m.device.WholeSlot == No:
		return "No slot with whole firmware remains: when this try fails too, the device does not start any more.", nil
	case m.wrote() && m.device.WholeSlot != Yes:
		return "The update had begun to write, and nothing here shows that a whole slot remains. `salvor compare PACKAGE CASE` shows it.", nil
	case m.wrote() && m.device.StorageSound != Yes:
		return "The update had begun to write, and nothing here shows that the storage is sound. `salvor look` on the storage shows it.", nil
	case m.row.Retry == retrySame && (m.device.PackageWhole == "NO" || m.device.PackageFits == "NO" || m.device.PackageGenuine == "NO"):
		return "The package that is at hand is not whole, not genuine or not for this device: see the check.", nil
	}
	conditions = append(conditions, m.row.First)
	if m.device.StorageSound != Yes {
		conditions = append(conditions, "The storage is sound: `salvor look` says no errors and no wear.")
	}
	if m.device.WholeSlot != Yes {
		conditions = append(conditions, "The device still starts: a slot with whole firmware remains that the update does not write to.")
	}
	return "", append(conditions, "Power and connection hold for the whole time.", "The package is for this device and not older than what is installed: `salvor check` says OK.")
}

// wrote reports whether the update had begun to write.
func (m *making) wrote() bool {
	return m.row != nil && m.row.Wrote || slices.ContainsFunc(m.answer.Stories, func(s diagnosis.Story) bool {
		return slices.ContainsFunc(s.Boots, func(b diagnosis.Boot) bool { return b.Writing && b.Failed })
	})
}

func (m *making) other() (why string, conditions []string) {
	switch {
	case m.answer.Cause.Class() == "policy", m.answer.Cause.Class() == "network" && !m.wrote(), m.answer.Cause.Class() == "server" && !m.wrote():
		return "Nothing was written: the device still has the firmware that it had.", nil
	case m.device.TwoSlots == No:
		return "The device has one slot only.", nil
	case m.answer.Cause.Class() == "storage" && m.device.FilesSafe != Yes:
		return "Each start wears storage that fails: first save the files.", nil
	}
	return "", []string{"The files are saved, or nothing on the device matters.", "No message there asks to reset, wipe or format."}
}

func (m *making) manual() (why string, conditions []string) {
	if why := m.failing(); why != "" {
		return why, nil
	}
	switch {
	case m.row == nil || m.answer.Grade < diagnosis.Possible:
		return "As long as the cause cannot be told, writing by hand can make it worse.", nil
	case m.answer.Cause == "corruption.table" && m.device.FilesSafe != Yes:
		return "With a damaged partition table an image can land on your files: first a case has to show them safe.", nil
	case !m.wrote() && m.answer.Cause.Class() == "policy":
		return "Nothing is broken: the update is only put off.", nil
	case !m.wrote() && m.device.PackageWhole == "NO":
		return "The package that is at hand is not whole: first a whole one is needed.", nil
	}
	conditions = []string{"The files are safe in a case (`salvor verify CASE` ends with 0).", "What only this device has is saved.", "The package was checked and is for this device.", "The power holds."}
	if why := m.locks(); why != "" {
		conditions = append(conditions, "Its version is not older than any that ever ran on the device: "+lower(why))
	}
	return "", conditions
}

func (m *making) reset() string {
	switch {
	case m.device.Case == "":
		return "A reset deletes your files, and no case shows them safe. First: `salvor rescue SOURCE --to CASE`."
	case m.device.FilesSafe != Yes:
		why := m.device.Verified
		if why == "" {
			why = "it was not verified"
		}
		return "A reset deletes your files, and the case does not show them safe: " + why + "."
	}
	if why := m.failing(); why != "" {
		return why
	}
	switch {
	case m.locks() != "":
		return "A reset does not change what rollback protection counts."
	case m.row == nil || m.answer.Grade < diagnosis.Possible:
		return "As long as the cause cannot be told, a reset only destroys evidence."
	case !m.row.Reset:
		return "A reset does not help against this cause."
	}
	return ""
}

// lower writes a sentence as the second half of another.
func lower(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]-'A'+'a') + s[1:]
}
