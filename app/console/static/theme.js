// Runs before the first paint, so that a page in the other theme never flashes up.
(() => {
  const kept = localStorage.getItem("touchstone-theme");
  if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
})();
