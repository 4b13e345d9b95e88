// Draws the charts of a dashboard. What to draw and the rows stand in the page as JSON. Vega's expressions are
// interpreted (`ast`), never compiled, so that the site's policy needs no 'unsafe-eval'.

/** Charts narrower than this, in pixels, have shorter labels and fewer ticks. */
const NARROW = 480;
/** Room for a name in a legend, in pixels. */
const LABEL = 155;

/** Value of a custom property of the stylesheet, such as "--major". */
function property(name) {
  return getComputedStyle(document.body).getPropertyValue(name).trim();
}

/** The same specification with "--name" replaced by the stylesheet's value, and "/site/" by where that is. */
function resolved(value) {
  if (typeof value === "string") {
    if (value.startsWith("--")) return property(value);
    return value.startsWith("/site/") ? document.querySelector("[data-root]").dataset.root + value.slice(1) : value;
  }
  if (Array.isArray(value)) return value.map(resolved);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, resolved(inner)]));
}

const colours = new Map();

/** Gives what is told apart by colour the same colour in every chart of the page; `encoding` is changed. */
function share(encoding, rows) {
  const colour = encoding?.color;
  if (colour?.type !== "nominal" || colour.scale) return;
  const palette = property("--categories").split(/\s+/);
  const domain = [...new Set(rows.map((row) => row[colour.field]))].sort();
  for (const name of domain) if (!colours.has(name)) colours.set(name, colours.size);
  colour.scale = { domain, range: domain.map((name) => palette[colours.get(name) % palette.length]) };
}

/** Vega-Lite's configuration: letters and lines as on the rest of the page. */
function look(width) {
  const narrow = width < NARROW;
  const style = getComputedStyle(document.body);
  const ink = style.color, soft = property("--soft"), line = property("--line");
  return {
    font: style.fontFamily,
    background: null,
    view: { stroke: null },
    aria: false, // the chart as a whole has a name; its rows are the table below
    axis: {
      labelColor: ink, titleColor: soft, labelFontSize: 12, titleFontSize: 12, titleFontWeight: "normal",
      domainColor: line, gridColor: line, tickColor: line, labelOverlap: true,
    },
    axisY: { labelLimit: narrow ? 110 : 260 },
    axisX: { tickCount: narrow ? 4 : 8 },
    legend: {
      orient: "top", columns: Math.max(2, Math.floor(width / LABEL)), labelColor: ink, titleColor: soft, labelFontSize: 12, titleFontSize: 12,
      titleFontWeight: "normal", labelLimit: 180, symbolBaseFillColor: soft, symbolBaseStrokeColor: soft,
    },
    text: { color: ink, fontSize: 12 },
  };
}

async function draw(figure) {
  const place = figure.querySelector(".drawing");
  place.style.minHeight = "3rem";
  const [display, rows] = ["spec", "rows"].map((name) => JSON.parse(figure.querySelector(`script.${name}`).textContent));
  const width = place.clientWidth;
  share(display.encoding, rows);
  const spec = {
    width: "container",
    autosize: { type: "fit-x", contains: "padding" },
    description: figure.dataset.description,
    data: { values: rows },
    ...resolved(display),
    ...(display.height?.ratio && { height: Math.round(width * display.height.ratio) }),
    config: look(width),
  };
  await vegaEmbed(place, spec, {
    mode: "vega-lite",
    renderer: "svg",
    ast: true,
    actions: false,
    logLevel: 1, // errors: that rows of fixed height do not fit the height is what we ask for
    tooltip: { theme: matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light" },
  });
  place.setAttribute("role", "img"); // with a name of its own; what Vega says of each mark tells less than the table
  place.querySelector("svg").setAttribute("aria-hidden", "true");
}

/** One chart after the other; what fails is said, and its rows remain. */
async function drawAll() {
  for (const figure of document.querySelectorAll("figure.vega")) {
    try {
      await draw(figure);
      if (!figure.dataset.drawn) figure.parentElement.querySelector("details.rows").open = false; // the chart shows them
      figure.dataset.drawn = "yes";
    } catch (problem) {
      console.error(problem);
      figure.dataset.drawn = "no";
      figure.querySelector(".drawing").textContent = "This chart could not be drawn; its rows stand in the table.";
    }
  }
}

drawAll();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
