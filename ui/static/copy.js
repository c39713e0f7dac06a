// The picture of a medium moves while it is read: the server sends a letter for each of its parts.

const names = { g: "good", r: "rest", s: "slow", b: "bad" };

const draw = (picture) => {
  const figure = document.querySelector(`[data-map="${picture.source}"]`);
  if (!figure) {
    location.reload(); // the server draws a medium first
    return;
  }
  const cells = figure.querySelectorAll(".map use");
  for (let i = 0; i < cells.length && i < picture.cells.length; i++) {
    const symbol = `#m-${names[picture.cells[i]]}`;
    if (cells[i].getAttribute("href") !== symbol) cells[i].setAttribute("href", symbol);
  }
  figure.querySelector("[data-copied]").textContent = picture.copied;
  for (const [state, text] of Object.entries(picture.shares)) {
    figure.querySelector(`[data-share="${state}"]`).textContent = text;
  }
};

for (const box of document.querySelectorAll("[data-job]")) {
  box.addEventListener("moved", (event) => {
    for (const picture of event.detail.pictures ?? []) draw(picture);
  });
}
