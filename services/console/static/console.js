// What needs a script; every page works without it.
"use strict";

// A choice in a form marked `data-submit` sends it at once; its button is then not needed.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit]");
  if (form && !form.hasAttribute("hx-get")) form.requestSubmit();
});

// What was typed last is shown beside a slider while it moves.
document.addEventListener("input", (event) => {
  if (event.target.type !== "range" || !event.target.dataset.steps) return;
  const shown = document.getElementById(event.target.dataset.shows);
  const steps = JSON.parse(event.target.dataset.steps);
  const step = steps[event.target.value];
  if (shown && step) shown.textContent = step;
  event.target.setAttribute("aria-valuetext", step || event.target.value);
});

document.addEventListener("click", (event) => {
  const copied = event.target.closest("[data-copy]");
  if (copied && navigator.clipboard) {
    navigator.clipboard.writeText(copied.dataset.copy);
    copied.classList.add("copied");
    setTimeout(() => copied.classList.remove("copied"), 1500);
  }
  if (event.target.closest("[data-print]")) window.print();
});

document.documentElement.classList.add("has-script");
