// Asks once before an act that is hard to take back: data-confirm="真的要下架吗？" on a submit button or link.
export function attach(element) {
  element.addEventListener('click', (event) => {
    if (!window.confirm(element.dataset.confirm)) event.preventDefault();
  });
}
