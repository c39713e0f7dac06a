// How much of a saving was read again and compared, as it moves.

for (const box of document.querySelectorAll("[data-job]")) {
  box.addEventListener("moved", (event) => {
    box.querySelector("[data-checked]").value = event.detail.checked;
    box.querySelector("[data-checked-words]").textContent = event.detail.checked_words;
  });
}
