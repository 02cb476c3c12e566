// 50, 100, 200: a radio marked data-pick-number="#stock" writes its value into that box; typing in the box unpicks it.
export function attach(radio) {
  const box = document.querySelector(radio.dataset.pickNumber);
  radio.addEventListener('change', () => {
    box.value = radio.value;
    box.dispatchEvent(new Event('input', { bubbles: true }));
  });
  box.addEventListener('input', () => { radio.checked = box.value === radio.value; });
}
