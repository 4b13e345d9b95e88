// Times in the reader's own zone, on request, on this page and the next. Without this script every time is UTC, and says so.
"use strict";
(() => {
  const KEY = "outages-my-zone";
  const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
  const button = document.getElementById("my-zone");
  const pad = (number) => String(number).padStart(2, "0");
  const zone = (at) =>
    new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(at).find((part) => part.type === "timeZoneName").value;

  // What a page can show in another zone: each part, as it stands in UTC, and how it reads in the reader's zone.
  const parts = [];
  const part = (element, mine) => parts.push({ element, utc: element.textContent, mine });
  for (const time of document.querySelectorAll(".at > time[datetime]")) {
    const at = new Date(time.dateTime);
    const seconds = time.textContent.length > 16 ? `:${pad(at.getSeconds())}` : "";
    const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
    part(time, `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}${seconds}`);
    part(time.nextElementSibling, zone(at));
  }
  // Marks of a chart's axis: the time of day, and the day where it begins.
  let drawn = new Date();
  for (const tick of document.querySelectorAll("[data-at]")) {
    const at = (drawn = new Date(tick.dataset.at));
    const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}`;
    part(tick, clock === "00:00" ? `${MONTHS[at.getMonth()]} ${at.getDate()}` : clock);
  }
  for (const name of document.querySelectorAll("[data-zone]")) part(name, zone(drawn));
  if (!button || !parts.length) return;

  const show = (mine) => {
    button.setAttribute("aria-pressed", String(mine));
    for (const { element, utc, mine: own } of parts) element.textContent = mine ? own : utc;
  };
  // A browser may refuse to keep anything: then it holds for this page only.
  const kept = (what) => {
    try {
      return what();
    } catch {
      return null;
    }
  };
  button.hidden = false;
  if (kept(() => localStorage.getItem(KEY)) === "yes") show(true);
  button.addEventListener("click", () => {
    const mine = button.getAttribute("aria-pressed") !== "true";
    show(mine);
    kept(() => localStorage.setItem(KEY, mine ? "yes" : "no"));
  });
})();
