// Copies data-copy and says so in the button's own words (data-copied). Hidden where the browser cannot.
export function attach(button) {
  if (!navigator.clipboard) {
    button.hidden = true;
    return;
  }
  button.hidden = false;
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy);
    button.textContent = button.dataset.copied;
  });
}
