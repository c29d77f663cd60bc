// a notebook is saved by its button, also where the book is opened from a folder
document.addEventListener("DOMContentLoaded", () => {
  document
    .querySelectorAll("a.btn-download-source-button, a.btn-download-notebook-button")
    .forEach((button) => button.setAttribute("download", ""));
});

// what is wider than the screen is moved sideways, by keys too
const reach = () =>
  document.querySelectorAll(".bd-article :is(figure, .cell_output, .output, .rows, div.math)").forEach((part) => {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
    else part.removeAttribute("tabindex");
  });
window.addEventListener("load", reach);
window.addEventListener("resize", reach);

// a figure or formula is shown beside a reference to it, while one points there or comes there by keys
document.addEventListener("DOMContentLoaded", () => {
  const preview = document.createElement("div");
  Object.assign(preview, { id: "preview", className: "preview", role: "tooltip", hidden: true });
  let leaving, shown;
  const hide = () => (preview.hidden = true);
  const leave = () => (leaving = setTimeout(hide, 300));
  const stay = () => clearTimeout(leaving);
  const show = (link) => {
    const copy = document.getElementById(link.hash.slice(1))?.cloneNode(true);
    if (!copy) return;
    stay();
    [copy, ...copy.querySelectorAll("[id]")].forEach((part) => part.removeAttribute("id"));
    copy.querySelectorAll("a, [tabindex]").forEach((part) => (part.tabIndex = -1));
    preview.replaceChildren(copy);
    preview.hidden = false;
    shown = link;
    place();
  };
  const place = () => {
    if (preview.hidden) return;
    const at = shown.getBoundingClientRect();
    const below = at.bottom + preview.offsetHeight + 8 < innerHeight;
    preview.style.top = `${below ? at.bottom + 4 : Math.max(4, at.top - preview.offsetHeight - 4)}px`;
    preview.style.left = `${Math.max(4, Math.min(at.left, document.documentElement.clientWidth - preview.offsetWidth - 4))}px`;
  };
  const links = document.querySelectorAll('.bd-article a.reference:is([href^="#fig-"], [href^="#equation-"])');
  links.forEach((link) => {
    link.setAttribute("aria-describedby", preview.id);
    link.addEventListener("mouseenter", () => show(link));
    link.addEventListener("focus", () => show(link));
    link.addEventListener("mouseleave", leave);
    link.addEventListener("blur", leave);
  });
  preview.addEventListener("mouseenter", stay);
  preview.addEventListener("mouseleave", leave);
  document.addEventListener("keydown", (event) => event.key === "Escape" && hide());
  document.addEventListener("scroll", place, { passive: true });
  if (links.length) document.querySelector(".bd-article").append(preview);
});
