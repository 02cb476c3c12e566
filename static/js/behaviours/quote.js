// The checkout's sums for another place: <form data-quote="/checkout/quote"> with a hidden field `items`. Choosing a province or a
// saved address (data-place) fetches them anew and replaces #quote, #quote-bar and the words of the buttons. Without script the page's own buttons send the form.
export function attach(form) {
  form.querySelectorAll('[data-without-script]').forEach((e) => { e.hidden = true; });
  const details = form.querySelector('#new-address');
  const provinces = form.querySelector('[data-area-level=province]');
  let asked = 0;
  const show = async (place) => {
    asked += 1;
    const mine = asked;
    const query = new URLSearchParams({ items: form.elements.items.value, place });
    const answer = await fetch(`${form.dataset.quote}?${query}`);
    if (!answer.ok || mine !== asked) return;
    const fresh = new DOMParser().parseFromString((await answer.json()).html, 'text/html');
    for (const id of ['quote', 'quote-bar', 'pay-words', 'pay-words-bar']) {
      const part = fresh.getElementById(id);
      if (part) document.getElementById(id)?.replaceWith(part);
    }
  };
  form.addEventListener('change', ({ target }) => {
    if (target === provinces) show(target.value);
    if (target.name !== 'address') return;
    if (details) details.open = target.value === 'new';
    show(target.dataset.place || provinces.value);
  });
}
