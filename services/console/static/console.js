// What needs a script; every page works without it.
"use strict";

// A choice in a form marked `data-submit` sends it at once; its button is then not needed.
document.addEventListener("change", (event) => {
  const form = event.target.closest("form[data-submit]");
  if (form && !form.hasAttribute("hx-get")) form.requestSubmit();
});

// The day that a slider stands at, while it moves.
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric", timeZone: "UTC" });
document.addEventListener("input", (event) => {
  const slider = event.target;
  if (slider.type !== "range" || !slider.dataset.today) return;
  const words = slider.value === slider.dataset.today ? "now" : day.format(new Date(slider.value * 86400000));
  document.getElementById(`${slider.id}-shown`).textContent = words;
  slider.setAttribute("aria-valuetext", words);
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

// On a telephone the menu scrolls sideways: the present page is in sight.
document.querySelector(".side [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });

document.documentElement.classList.add("has-script");
