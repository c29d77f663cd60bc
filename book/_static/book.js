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
