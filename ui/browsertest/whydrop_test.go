//go:build linux

package browsertest

import (
	"strings"
	"testing"
)

// droppedLog is what the update program said, with words that try to be more than words.
const droppedLog = `rauc[412]: installing gateway-1.5.0\n` +
	`rauc[412]: Compatible mismatch: Expected '<script>document.title=1</script>' but bundle manifest has '\u202egw-100\'\n` +
	`rauc[412]: Update failed\n`

// dropLog drops a log at the place for it, as a person does with the mouse.
const dropLog = `(() => {
  const files = new DataTransfer();
  files.items.add(new File(["` + droppedLog + `"], "<b>update.log", {type: "text/plain"}));
  const zone = document.querySelector("[data-zone]");
  for (const name of ["dragenter", "dragover", "drop"])
    zone.dispatchEvent(new DragEvent(name, {dataTransfer: files, bubbles: true, cancelable: true}));
  return true;
})()`

// askWhy asks by a log that is dropped and by words.
func askWhy(b *page, _ *world) {
	b.open("/")
	b.follow("Why did it fail?")
	run[bool](b, dropLog)
	b.fill("said", "The light blinks red")
	b.leave(func() { b.clickOn("button[value=find]") })
	b.until("What to do, in this order")
}

// A log is dropped with the mouse; the answer has its evidence as text, and locks what can destroy files, until a rescue
// that holds all files unlocks it.
func TestWhyByDropping(t *testing.T) {
	w := theWorld.get(t)
	b := visit(t, w.program)
	askWhy(b, w)
	b.must("The package is for another device", "<script>document.title=1</script>", "⟨U+202E⟩gw-100", "_b_update.log", "This step can destroy your files")
	if title := run[string](b, `document.title`); !strings.HasPrefix(title, "Why the update failed") {
		t.Errorf("the title is %q", title)
	}
	if n := run[float64](b, `document.querySelectorAll("main script:not([src]), main b, .locked dl, .locked pre, .locked .button").length`); n != 0 {
		t.Errorf("%v things on the page should not be there", n)
	}
	b.click("How to unlock it")
	run[bool](b, `(document.querySelector("#safe-case").selectedIndex = [...document.querySelectorAll("#safe-case option")].findIndex(o => o.text === "rescued"), true)`)
	b.clickOn("#sure")
	b.leave(func() { b.clickOn("#safe button") })
	b.until("Unlocked: the rescue “rescued” proves that your files are safe.")
	if strings.Contains(b.text(), "This step can destroy your files") {
		t.Error("a step is still locked")
	}
}

// What is dropped beside the place for it leads nowhere; a folder is not taken.
func TestDropBesideTheZone(t *testing.T) {
	w := theWorld.get(t)
	b := visit(t, w.program)
	b.open("/why")
	at := b.address()
	if stopped := run[bool](b, `!document.querySelector("h1").dispatchEvent(new DragEvent("drop", {dataTransfer: new DataTransfer(), bubbles: true, cancelable: true}))`); !stopped || b.address() != at {
		t.Errorf("the browser went to %s", b.address())
	}
	run[bool](b, dropLog)
	run[bool](b, dropLog)
	if n := run[float64](b, `document.querySelector("input[type=file]").files.length`); n != 2 {
		t.Errorf("%v files are chosen", n)
	}
}
