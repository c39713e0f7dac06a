package diagnosis

import (
	"slices"
	"strings"
)

// Cause names what made an update fail, as "class.fine". The set is closed: [Causes] has all of them.
type Cause string

const (
	// None says that nothing failed.
	None Cause = "none"
	// CannotTell says that the evidence does not carry a conclusion.
	CannotTell Cause = "cannot-tell"
)

// Class is the part of a cause before its dot: what most people call the cause.
type Class string

// Class returns the class of c; None and CannotTell are their own classes.
func (c Cause) Class() Class {
	class, _, _ := strings.Cut(string(c), ".")
	return Class(class)
}

// Known reports whether c is one of [Causes].
func (c Cause) Known() bool {
	_, ok := find(c)
	return ok
}

// Words says the cause in a few words for a person: "the power was lost".
func (c Cause) Words() string {
	row, _ := find(c)
	return row.words
}

// Causes returns all causes that a rule may name, by class.
func Causes() []Cause {
	list := make([]Cause, 0, len(causes))
	for _, row := range causes {
		list = append(list, row.cause)
	}
	return list
}

type causeRow struct {
	cause Cause
	words string
}

func find(c Cause) (causeRow, bool) {
	switch c {
	case None:
		return causeRow{c, "nothing here says that an update failed"}, true
	case CannotTell:
		return causeRow{c, "the cause cannot be told from this"}, true
	}
	i := slices.IndexFunc(causes, func(r causeRow) bool { return r.cause == c })
	if i < 0 {
		return causeRow{}, false
	}
	return causes[i], true
}

// causes are in the order in which equals are shown.
var causes = []causeRow{
	{"power.lost", "the power was lost during the update"},
	{"power.weak", "the power supply is too weak"},
	{"network.no-link", "there was no network connection"},
	{"network.dns", "the name of the update server could not be resolved"},
	{"network.tls", "the encrypted connection to the server could not be set up"},
	{"network.timeout", "the server did not answer in time"},
	{"network.cut-off", "the connection broke off during the download"},
	{"network.captive-portal", "a web page came in place of the update, most likely from a login page of the network"},
	{"network.cable", "the connection between the tool and the device does not hold (cable, serial line, radio or USB)"},
	{"server.overload", "the update server is overloaded"},
	{"server.error", "the update server has a fault"},
	{"server.missing-file", "the file is not on the update server"},
	{"server.expired", "a certificate or link of the update server has expired"},
	{"server.refused", "the update server refused the device"},
	{"package.transit", "the package was damaged or cut short on its way"},
	{"package.at-rest", "the stored package is damaged"},
	{"package.maker", "the maker's package is faulty"},
	{"package.corrupted", "the package is damaged"},
	{"genuine.signature", "the package is not signed by a key that the device trusts"},
	{"genuine.expired", "the certificate that signed the package has expired"},
	{"genuine.rollback", "the package is older than what the device allows (rollback protection)"},
	{"device.wrong", "the package is for another device"},
	{"device.revision", "the package is for another revision of the hardware"},
	{"device.region", "the package is for another region"},
	{"device.version-step", "the installed version cannot go to this version in one step"},
	{"space.download", "there is no room for the download"},
	{"space.temporary", "there is no room for temporary files"},
	{"space.slot", "the firmware does not fit its slot or partition"},
	{"space.inodes", "the file system has no room for more files"},
	{"space.ubi", "the flash has no spare blocks left"},
	{"space.memory", "the device ran out of memory"},
	{"storage.bad-blocks", "the storage has bad blocks"},
	{"storage.worn", "the storage is worn out"},
	{"storage.read-only", "the storage can only be read"},
	{"storage.io", "the storage does not answer, or answers with errors"},
	{"corruption.filesystem", "a file system is damaged"},
	{"corruption.table", "the partition table is damaged"},
	{"write.interrupted", "the firmware is only partly written"},
	{"boot.slot", "the device starts from a wrong or an unusable slot"},
	{"boot.environment", "the settings of the boot loader are lost or wrong"},
	{"boot.counter", "the new firmware did not confirm itself in the allowed number of starts"},
	{"boot.watchdog", "the watchdog restarted the device"},
	{"firmware.panic", "the new firmware crashes while it starts"},
	{"firmware.health", "the new firmware starts, and fails its own check"},
	{"configuration.incompatible", "the configuration does not fit the firmware or the updater"},
	{"policy.battery", "the battery is below what the update asks for, or the charger is missing"},
	{"policy.in-use", "the device is in use, or another update is running"},
	{"policy.window", "updates are put off until a later time"},
	{"policy.locked", "the device is locked against this update"},
	{"updater.bug", "the updater itself is faulty"},
	{"clock.wrong", "the clock of the device is wrong"},
}
