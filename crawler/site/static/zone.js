// Times in the reader's own zone, on request. Without this script every time is UTC, and says so.
"use strict";
(() => {
  const button = document.getElementById("my-zone");
  const times = [...document.querySelectorAll(".at > time[datetime]")];
  if (!button || !times.length) return;
  const utc = times.map((time) => time.textContent);
  const pad = (number) => String(number).padStart(2, "0");
  const zone = (at) =>
    new Intl.DateTimeFormat(undefined, { timeZoneName: "short" }).formatToParts(at).find((part) => part.type === "timeZoneName").value;
  button.hidden = false;
  button.addEventListener("click", () => {
    const mine = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(mine));
    times.forEach((time, number) => {
      const at = new Date(time.dateTime);
      const day = `${at.getFullYear()}-${pad(at.getMonth() + 1)}-${pad(at.getDate())}`;
      const seconds = utc[number].length > 16 ? `:${pad(at.getSeconds())}` : "";
      time.textContent = mine ? `${day} ${pad(at.getHours())}:${pad(at.getMinutes())}${seconds}` : utc[number];
      time.nextElementSibling.textContent = mine ? zone(at) : "UTC";
    });
  });
})();
