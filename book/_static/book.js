// a notebook is saved by its button, also where the book is opened from a folder
document.addEventListener("DOMContentLoaded", () => {
  document
    .querySelectorAll("a.btn-download-source-button, a.btn-download-notebook-button")
    .forEach((button) => button.setAttribute("download", ""));
});
