// Minus and plus beside a number field: <span data-stepper>, buttons with data-step, one input.
export function attach(box) {
  const input = box.querySelector('input');
  const least = Number(input.min || 0);
  const most = Number(input.max || Infinity);
  for (const button of box.querySelectorAll('[data-step]')) {
    button.hidden = false;
    button.addEventListener('click', () => {
      const now = Number.parseInt(input.value, 10) || 0;
      const next = Math.min(most, Math.max(least, now + Number(button.dataset.step)));
      if (String(next) === input.value) return;
      input.value = next;
      input.dispatchEvent(new Event('input', { bubbles: true }));
      input.dispatchEvent(new Event('change', { bubbles: true }));
    });
  }
}
