// Copies what the pages need out of node_modules: fonts, vendored scripts, and one SVG sprite with the icons in `icons`.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

const modules = new URL("node_modules/", import.meta.url);
const out = new URL("../static/", import.meta.url);
const read = (path) => readFileSync(new URL(path, modules), "utf8");
const version = (name) => JSON.parse(read(`${name}/package.json`)).version;

const icons = `
  archive arrow-down arrow-left arrow-right arrow-up arrow-up-down ban banknote bell briefcase building-2 calendar chart-column
  check chevron-down chevron-left chevron-right chevrons-up-down circle-alert circle-check circle-x clock cloud-off command copy
  database download ellipsis external-link eye file-text flag git-merge globe hash history hourglass house inbox info
  kanban key-round keyboard languages link list list-filter loader-circle lock log-out mail map-pin menu monitor moon
  move-right panel-left pause pencil phone play plug plus refresh-cw rotate-ccw search send settings shield smartphone star
  sticky-note sun table-2 tag trash-2 triangle-alert trophy undo-2 unlink user user-plus users x
`.trim().split(/\s+/);

const symbols = icons.map((name) => {
  const svg = read(`lucide-static/icons/${name}.svg`);
  const body = svg.slice(svg.indexOf(">", svg.indexOf("<svg")) + 1, svg.lastIndexOf("</svg>")).replace(/\s*\n\s*/g, "");
  return `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round">${body}</symbol>`;
});
writeFileSync(
  new URL("icons.svg", out),
  `<svg xmlns="http://www.w3.org/2000/svg">\n<!-- Lucide ${version("lucide-static")}, ISC licence -->\n${symbols.join("\n")}\n</svg>\n`,
);

mkdirSync(new URL("fonts/", out), { recursive: true });
for (const script of ["latin", "latin-ext", "cyrillic", "cyrillic-ext", "greek", "vietnamese"]) {
  copyFileSync(
    new URL(`@fontsource-variable/inter/files/inter-${script}-wght-normal.woff2`, modules),
    new URL(`fonts/inter-${script}.woff2`, out),
  );
}

const scripts = [
  { name: "htmx.org", from: "htmx.org/dist/htmx.min.js", to: "htmx.min.js", licence: "0BSD" },
  { name: "idiomorph", from: "idiomorph/dist/idiomorph-ext.min.js", to: "idiomorph-ext.min.js", licence: "0BSD" },
  { name: "sortablejs", from: "sortablejs/Sortable.min.js", to: "sortable.min.js", licence: "MIT" },
];
mkdirSync(new URL("vendor/", out), { recursive: true });
for (const { from, to } of scripts) {
  // A source map that is not shipped would break the hashing of static files.
  writeFileSync(new URL(`vendor/${to}`, out), read(from).replace(/\n?\/\/# sourceMappingURL=.*$/m, ""));
}

const rows = [
  ...scripts.map(({ name, to, licence }) => `| \`vendor/${to}\` | ${name} | ${version(name)} | ${licence} |`),
  `| \`fonts/inter-*.woff2\` | Inter, from @fontsource-variable/inter | ${version("@fontsource-variable/inter")} | OFL-1.1 |`,
  `| \`icons.svg\` | Lucide, from lucide-static | ${version("lucide-static")} | ISC |`,
  `| \`css/app.css\` | built with Tailwind CSS and basecoat-css | ${version("tailwindcss")}, ${version("basecoat-css")} | MIT |`,
];
writeFileSync(
  new URL("vendor/README.md", out),
  `# What is vendored\n\nWritten by \`npm run build\` in \`frontend/\`; nothing here is edited by hand.\n\n| file | project | version | licence |\n|---|---|---|---|\n${rows.join("\n")}\n`,
);
