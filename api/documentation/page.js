"use strict";

// Renders /openapi.json. Everything from it is set as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Of Markdown: paragraphs, **bold** and `code`, which is what descriptions use.
function inline(text) {
  return text.split(/(`[^`]+`|\*\*[^*]+\*\*)/).map((part) => {
    if (part.startsWith("`")) return element("code", {}, part.slice(1, -1));
    if (part.startsWith("**")) return element("strong", {}, part.slice(2, -2));
    return part;
  });
}

function prose(text) {
  return (text || "").split(/\n\s*\n/).filter(Boolean).map((part) => element("p", {}, ...inline(part)));
}

function resolved(api, schema) {
  let found = schema || {};
  for (let depth = 0; found.$ref && depth < 8; depth += 1) {
    found = found.$ref.slice(2).split("/").reduce((node, key) => (node || {})[key], api) || {};
  }
  return found;
}

function kindOf(api, schema) {
  const given = schema || {};
  const found = resolved(api, given);
  const choice = found.anyOf || found.oneOf;
  if (choice) return choice.map((each) => kindOf(api, each)).join(" or ");
  if (found.const !== undefined) return JSON.stringify(found.const);
  if (found.enum) return found.enum.map((each) => JSON.stringify(each)).join(" or ");
  if (found.type === "array") return `list of ${kindOf(api, found.items)}`;
  return [found.format || found.type || "anything"].flat().join(" or ");
}

function example(api, schema, depth = 0) {
  const found = resolved(api, schema);
  if (found.example !== undefined) return found.example;
  if (found.examples && found.examples.length) return found.examples[0];
  if (found.const !== undefined) return found.const;
  if (found.default !== undefined && found.default !== null) return found.default;
  if (found.enum) return found.enum[0];
  const choice = found.anyOf || found.oneOf || found.allOf;
  if (choice) {
    const first = resolved(api, choice[0]);
    const maybeAbsent = choice.some((each) => each.type === "null");
    const plain = first.type === "string" && !first.format && !first.enum && !(first.examples || []).length;
    return maybeAbsent && plain ? null : example(api, first, depth + 1);
  }
  if (depth > 6) return null;
  if (found.type === "array") return [example(api, found.items, depth + 1)];
  if (found.type === "object" || found.properties) {
    return Object.fromEntries(
      Object.entries(found.properties || {}).map(([name, each]) => [name, example(api, each, depth + 1)]),
    );
  }
  if (found.format === "date") return "2026-03-02";
  if (found.format === "date-time") return "2026-03-02T12:00:00Z";
  if (found.format === "uuid") return "019ab0c1-7d6e-7c11-9a52-3c0f2f1b8d10";
  return { string: "text", integer: 1, number: 1, boolean: true }[found.type] ?? null;
}

function table(heads, rows) {
  const head = element("tr", {}, ...heads.map((each) => element("th", { scope: "col" }, each)));
  const body = rows.map((cells) => element("tr", {}, ...cells.map((cell) => element("td", {}, ...[cell].flat()))));
  const whole = element("table", {}, element("thead", {}, head), element("tbody", {}, ...body));
  return element("div", { class: "scroll" }, whole);
}

function fields(api, schema, prefix = "", depth = 0) {
  const found = resolved(api, schema);
  const required = new Set(found.required || []);
  return Object.entries(found.properties || {}).flatMap(([name, each]) => {
    const field = resolved(api, each);
    const said = each.description || field.description || "";
    const row = [
      element("code", {}, prefix + name),
      kindOf(api, each),
      required.has(name) ? "required" : "",
      inline(said),
    ];
    const below = (field.anyOf || [field]).map((part) => resolved(api, part)).find((part) => part.properties);
    const inner = below || (field.type === "array" ? resolved(api, field.items) : {});
    const dots = `${prefix}${name}${field.type === "array" ? "[]" : ""}.`;
    return [row, ...(inner.properties && depth < 3 ? fields(api, inner, dots, depth + 1) : [])];
  });
}

function fieldTable(api, schema) {
  const rows = fields(api, schema);
  return rows.length ? table(["Field", "Kind", "", "Meaning"], rows) : null;
}

function curl(path, method, operation, body, media) {
  const lines = [`curl -X ${method.toUpperCase()} ${location.origin}${path}`];
  if (operation.security) lines.push('-H "Authorization: Bearer $TOKEN"');
  const parameters = operation.parameters || [];
  if (parameters.some((each) => each.name === "Idempotency-Key")) lines.push('-H "Idempotency-Key: $(uuidgen)"');
  if (body !== undefined && media) {
    const form = media === "application/x-www-form-urlencoded";
    if (!form) lines.push(`-H "Content-Type: ${media}"`);
    const written = form ? new URLSearchParams(body).toString() : JSON.stringify(body, null, 2);
    lines.push(`-d '${written.replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n  ");
}

function answers(api, operation) {
  const parts = [];
  const failures = [];
  for (const [status, given] of Object.entries(operation.responses || {})) {
    const content = Object.values(given.content || {})[0];
    if (status < "400") {
      parts.push(element("h4", {}, `${status} ${given.description || ""}`));
      if (!content) continue;
      const shown = example(api, content.schema);
      if (shown !== null) parts.push(element("pre", {}, element("code", {}, JSON.stringify(shown, null, 2))));
      parts.push(fieldTable(api, content.schema));
      continue;
    }
    const named = Object.entries((content && content.examples) || {});
    for (const [code, each] of named) {
      failures.push([status, element("a", { href: `#problem-${code}` }, element("code", {}, code)), inline(each.summary || "")]);
    }
    if (!named.length) failures.push([status, "", inline(given.description || "")]);
  }
  if (failures.length) {
    const summary = element("summary", {}, `Failures (${failures.length})`);
    parts.push(element("details", {}, summary, table(["Status", "Code", "Meaning"], failures)));
  }
  return parts;
}

function article(api, path, method, operation) {
  const id = operation.operationId || `${method}-${path}`;
  const scopes = (operation.security || []).flatMap((each) => Object.values(each).flat());
  const made = element("article", { id: `operation-${id}` },
    element("h3", {}, element("span", { class: "method" }, method.toUpperCase()), " ", element("code", {}, path)));
  made.append(...prose(operation.description || operation.summary));
  if (operation.security) {
    made.append(element("p", { class: "faint" }, "Scope: ", element("code", {}, scopes.join(", ") || "none")));
  }
  const parameters = (operation.parameters || []).map((each) => resolved(api, each));
  if (parameters.length) {
    made.append(element("h4", {}, "Parameters"), table(["Name", "In", "Kind", "", "Meaning"], parameters.map((each) => [
      element("code", {}, each.name), each.in, kindOf(api, each.schema), each.required ? "required" : "",
      inline(each.description || ""),
    ])));
  }
  const [media, content] = Object.entries((operation.requestBody || {}).content || {})[0] || [];
  let body;
  if (content) {
    body = example(api, content.schema);
    made.append(element("h4", {}, `Body (${media})`));
    const fieldsOfBody = fieldTable(api, content.schema);
    if (fieldsOfBody) made.append(fieldsOfBody);
  }
  made.append(element("h4", {}, "By example"),
    element("pre", {}, element("code", {}, curl(path, method, operation, body ?? undefined, media))));
  made.append(...answers(api, operation).filter(Boolean));
  made.dataset.text = made.textContent.toLowerCase();
  return made;
}

function problems(api) {
  const found = new Map();
  for (const operations of Object.values(api.paths)) {
    for (const method of METHODS.filter((each) => operations[each])) {
      for (const [status, given] of Object.entries(operations[method].responses || {})) {
        const content = Object.values(given.content || {})[0];
        for (const [code, each] of Object.entries((content && content.examples) || {})) {
          if (status >= "400") found.set(code, [status, each.summary || ""]);
        }
      }
    }
  }
  return [...found].sort(([one], [other]) => (one < other ? -1 : 1));
}

function render(api) {
  const main = document.getElementById("main");
  const contents = document.getElementById("contents");
  document.getElementById("version").textContent = `API version ${api.info.version}`;
  main.replaceChildren(element("section", { id: "introduction" },
    element("h2", {}, api.info.summary || api.info.title), ...prose(api.info.description),
    element("p", {}, element("a", { href: "/openapi.json" }, "OpenAPI document"))));
  const byTag = new Map((api.tags || []).map((tag) => [tag.name, []]));
  for (const [path, operations] of Object.entries(api.paths)) {
    for (const method of METHODS.filter((each) => operations[each])) {
      const tag = (operations[method].tags || ["other"])[0];
      if (!byTag.has(tag)) byTag.set(tag, []);
      byTag.get(tag).push([path, method, operations[method]]);
    }
  }
  const said = Object.fromEntries((api.tags || []).map((tag) => [tag.name, tag.description]));
  for (const [tag, operations] of byTag) {
    if (!operations.length) continue;
    const section = element("section", { id: `tag-${tag}` }, element("h2", {}, tag), ...prose(said[tag]));
    const links = element("ul");
    for (const [path, method, operation] of operations) {
      const made = article(api, path, method, operation);
      section.append(made);
      const name = (operation.operationId || `${method} ${path}`).replaceAll("_", " ");
      links.append(element("li", { "data-for": made.id }, element("a", { href: `#${made.id}` }, name)));
    }
    contents.append(element("div", {}, element("h2", {}, tag), links));
    main.append(section);
  }
  const codes = problems(api).map(([code, [status, text]]) => {
    const row = element("tr", { id: `problem-${code}` }, element("td", {}, element("code", {}, code)),
      element("td", {}, status), element("td", {}, ...inline(text)));
    row.dataset.text = row.textContent.toLowerCase();
    return row;
  });
  const head = element("tr", {}, ...["Code", "Status", "Meaning"].map((each) => element("th", { scope: "col" }, each)));
  main.append(element("section", { id: "problems" }, element("h2", {}, "Problem codes"),
    element("div", { class: "scroll" },
      element("table", {}, element("thead", {}, head), element("tbody", {}, ...codes)))));
  contents.append(element("div", {}, element("h2", {}, "failures"),
    element("ul", {}, element("li", {}, element("a", { href: "#problems" }, "problem codes")))));
  if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const parts = [...document.querySelectorAll("[data-text]")];
  for (const part of parts) part.hidden = !words.every((word) => part.dataset.text.includes(word));
  for (const link of document.querySelectorAll("[data-for]")) {
    link.hidden = document.getElementById(link.dataset.for).hidden;
  }
  for (const section of document.querySelectorAll("main section")) {
    const within = [...section.querySelectorAll("[data-text]")];
    section.hidden = words.length > 0 && within.every((part) => part.hidden);
  }
  const shown = parts.filter((part) => !part.hidden && part.tagName === "ARTICLE").length;
  document.getElementById("found").textContent = words.length ? `${shown} operations` : "";
}

async function start() {
  const answer = await fetch("/openapi.json");
  render(await answer.json());
  const field = document.getElementById("search");
  field.addEventListener("input", () => search(field.value));
  document.addEventListener("keydown", (event) => {
    const typing = event.target instanceof HTMLInputElement;
    if (event.key === "/" && !typing) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && typing) {
      field.value = "";
      search("");
      document.getElementById("main").focus();
    }
  });
}

start().catch((error) => {
  document.getElementById("main").textContent = `The documentation cannot be shown: ${error}`;
});
