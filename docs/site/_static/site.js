// What scrolls sideways can be reached with the keyboard.
function reachable() {
  const wide = document.querySelectorAll(
    ".pst-scrollable-table-container, .pst-scrollable-table-container table, .bd-article table, .cell_output .output"
  );
  for (const part of wide) {
    if (part.scrollWidth > part.clientWidth) part.tabIndex = 0;
  }
}
window.addEventListener("load", reachable);
window.addEventListener("resize", reachable);
