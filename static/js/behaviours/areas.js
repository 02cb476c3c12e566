// Province, city, county: <div data-areas="/areas/children"> with selects marked data-area-level, in order.
// Choosing one fills the next from the address with ?parent=CODE; deeper ones are emptied. Without script the page's own button does it.
async function children(address, code) {
  const answer = await fetch(`${address}?parent=${encodeURIComponent(code)}`, { headers: { Accept: 'application/json' } });
  if (!answer.ok) throw new Error(answer.statusText);
  const found = await answer.json();
  return Array.isArray(found) ? found : found.areas;
}

export function attach(box) {
  const levels = [...box.querySelectorAll('select[data-area-level]')];
  box.querySelectorAll('[data-without-script]').forEach((e) => { e.hidden = true; });
  const clear = (from) => levels.slice(from).forEach((select) => {
    select.length = 1;
    select.disabled = true;
  });
  levels.forEach((select, index) => {
    if (index && select.length <= 1) select.disabled = true;
    const next = levels[index + 1];
    if (!next) return;
    let asked = 0; // an answer counts only while its question is the last one, or a list would be filled twice
    select.addEventListener('change', async () => {
      asked += 1;
      clear(index + 1);
      if (!select.value) return;
      box.setAttribute('aria-busy', 'true');
      try {
        const question = asked;
        const areas = await children(box.dataset.areas, select.value);
        if (question !== asked) return;
        next.append(...areas.map(({ code, name, lang }) => Object.assign(new Option(name, code), { lang: lang || '' })));
        next.disabled = false;
        if (areas.length === 1) {
          next.value = areas[0].code;
          next.dispatchEvent(new Event('change', { bubbles: true }));
        }
      } catch {
        box.querySelectorAll('[data-without-script]').forEach((e) => { e.hidden = false; });
        next.disabled = false;
      } finally {
        box.removeAttribute('aria-busy');
      }
    });
  });
}
