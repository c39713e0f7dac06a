// Places that files are dropped at. What is dropped becomes what the field for files holds, so that the form is sent as
// it is without scripts.

for (const zone of document.querySelectorAll("[data-zone]")) {
  const form = zone.closest("form");
  const field = zone.querySelector("input[type=file]");
  const list = zone.querySelector("[data-zone-list]");
  const said = zone.querySelector("[data-zone-said]");
  zone.querySelector("[data-zone-words]").hidden = false;

  // show lists what is chosen, and says what is too large before it is sent.
  const show = () => {
    list.replaceChildren();
    let large = false;
    for (const file of field.files) {
      const item = document.createElement("li");
      const name = document.createElement("bdi");
      name.textContent = file.name;
      item.append(name);
      list.append(item);
      large ||= file.size > Number(zone.dataset.max);
    }
    field.setCustomValidity(large ? zone.dataset.large : "");
    said.textContent = large ? zone.dataset.large : "";
    return !large;
  };
  field.addEventListener("change", show);

  const over = (event, yes) => {
    if (!event.dataTransfer?.types.includes("Files")) return false;
    event.preventDefault();
    zone.classList.toggle("over", yes);
    return true;
  };
  zone.addEventListener("dragenter", (event) => over(event, true));
  zone.addEventListener("dragover", (event) => over(event, true));
  zone.addEventListener("dragleave", (event) => {
    if (!zone.contains(event.relatedTarget)) over(event, false);
  });
  zone.addEventListener("drop", (event) => {
    if (!over(event, false)) return;
    const kept = new DataTransfer();
    if (field.multiple) for (const file of field.files) kept.items.add(file);
    let folder = false;
    for (const item of event.dataTransfer.items) {
      if (item.kind !== "file") continue;
      if (item.webkitGetAsEntry?.()?.isDirectory) {
        folder = true;
        continue;
      }
      if (field.multiple || kept.files.length === 0) kept.items.add(item.getAsFile());
    }
    field.files = kept.files;
    const fits = show();
    if (folder) said.textContent = zone.dataset.folder;
    if (fits && !folder && kept.files.length && form.dataset.drop === "send") form.requestSubmit();
  });
  form.addEventListener("submit", () => {
    if (field.files.length) said.textContent = zone.dataset.busy;
  });
}

// A file that is dropped beside such a place does not take the browser away from the page.
for (const name of ["dragover", "drop"]) {
  window.addEventListener(name, (event) => {
    if (!event.target.closest?.("[data-zone], input[type=file]")) event.preventDefault();
  });
}
