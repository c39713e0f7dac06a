// A tick on a page of files is kept at once, and the total with it. Without scripts, a button keeps them.

for (const form of document.querySelectorAll("form[data-pick]")) {
  const total = form.querySelector("[data-total]");
  const save = form.querySelector("[data-save]");
  let waiting = Promise.resolve();

  const keep = async (box) => {
    const body = new URLSearchParams({ csrf: form.elements.csrf.value, do: "keep", shown: box.value });
    if (box.checked) body.append("id", box.value);
    const answer = await fetch(form.action, { method: "POST", headers: { Accept: "application/json" }, body });
    if (!answer.ok) throw new Error(answer.statusText);
    const now = await answer.json();
    total.textContent = now.words;
    save.href = now.save;
    save.hidden = now.files === 0;
  };

  // One after the other, so that the last total is that of the last tick.
  form.addEventListener("change", (event) => {
    if (event.target.name !== "id") return;
    waiting = waiting.then(() => keep(event.target)).catch(() => location.reload());
  });
}
