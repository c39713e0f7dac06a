// What scripts add to the pages: progress that moves by itself. All else works without.

const part = (root, name) => root.querySelector(`[data-${name}]`);

for (const box of document.querySelectorAll("[data-job]")) {
  const events = new EventSource(`/job/${box.dataset.job}/events`);
  let begun = 0;
  events.onmessage = (event) => {
    const now = JSON.parse(event.data);
    const bar = part(box, "bar");
    if (part(box, "step")) part(box, "step").textContent = now.step;
    if (bar) bar.value = now.percent;
    if (bar) bar.setAttribute("aria-label", now.step);
    for (const name of ["of", "rate", "left", "safe"]) {
      if (part(box, name)) part(box, name).textContent = now[name];
    }
    box.dispatchEvent(new CustomEvent("moved", { detail: now }));
    begun += 1;
    // The page itself is made anew when the work ends, and now and then for what only the server draws, unless all of
    // it is drawn here.
    if (!now.running || (begun === 40 && !("live" in box.dataset))) {
      events.close();
      location.reload();
    }
  };
  events.onerror = () => {
    events.close();
    setTimeout(() => location.reload(), 3000);
  };
}

// A page that waits for something asks again, after so many seconds.
const again = Number(document.querySelector("[data-again]")?.dataset.again);
if (again > 0) setTimeout(() => location.reload(), 1000 * again);
