// A form marked data-once is sent once: a second tap while the first is on its way does nothing. The server is safe without it.
export function attach(form) {
  form.addEventListener('submit', (event) => {
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = 'yes';
    form.querySelectorAll('button[type=submit]').forEach((button) => button.setAttribute('aria-disabled', 'true'));
  });
  // Coming back with the back button, the page may be restored as it was left.
  window.addEventListener('pageshow', (event) => {
    if (!event.persisted) return;
    delete form.dataset.sent;
    form.querySelectorAll('button[type=submit]').forEach((button) => button.removeAttribute('aria-disabled'));
  });
}
