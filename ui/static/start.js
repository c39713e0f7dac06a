// Cards that are plugged in or taken out: the list of disks is asked for now and then, and shown when it is another one.
// What is ticked stays so, and nothing moves while someone is in the list with the keyboard or the pointer.

const list = document.querySelector("[data-disks]");
const said = document.querySelector("[data-disks-said]");
let last = null;
let waiting = null;

const show = () => {
  if (waiting === null || list.contains(document.activeElement) || list.matches(":hover")) return;
  const ticked = new Set([...list.querySelectorAll("input:checked")].map((box) => box.value));
  const page = new DOMParser().parseFromString(waiting, "text/html");
  list.replaceChildren(...page.body.childNodes);
  for (const box of list.querySelectorAll("input[type=checkbox]")) box.checked = ticked.has(box.value);
  waiting = null;
  said.textContent = list.dataset.changed;
};

const ask = async () => {
  if (document.hidden) return;
  let text;
  try {
    const answer = await fetch("/start/disks", { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    text = await answer.text();
  } catch {
    return; // the program has ended
  }
  if (last !== null && text !== last) waiting = text;
  last = text;
  show();
};

list.addEventListener("focusout", () => setTimeout(show));
list.addEventListener("pointerleave", show);
document.addEventListener("visibilitychange", ask);
setInterval(ask, 3000);
ask();
