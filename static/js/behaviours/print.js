// A print button, shown only where a script can print; the browser's own menu does the same.
export function attach(button) {
  button.hidden = false;
  button.addEventListener('click', () => window.print());
}
