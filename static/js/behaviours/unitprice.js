// The unit price while a price is typed: <output data-unit-price data-price="#price" data-amount="#net_weight"
// data-per="500" data-scale="1000" data-words="合 {price} 元/斤">. The amount typed times data-scale (kilograms to grams) is in
// the unit that data-per is in. Half up to the fen, in whole numbers; the server's own sum is the one that counts.
function digits(text) {
  return text.replace(/[０-９．]/g, (c) => String.fromCharCode(c.charCodeAt(0) - 0xfee0)).replace(/[\s,，¥元]/g, '');
}

export function attach(output) {
  const price = document.querySelector(output.dataset.price);
  const amount = output.dataset.amount ? document.querySelectorAll(output.dataset.amount) : [];
  const show = () => {
    const typed = /^(\d+)(?:\.(\d{1,2}))?$/.exec(digits(price.value));
    // What was typed counts before a tile, as on the server.
    const from = [...amount].find((e) => e.type !== 'radio' && e.value) || [...amount].find((e) => e.checked);
    const measure = Math.round(Number(from ? digits(from.dataset.amount || from.value) : output.dataset.fixed) * Number(output.dataset.scale || 1));
    if (!typed || !(measure > 0)) {
      output.hidden = true;
      return;
    }
    const fen = Number(typed[1]) * 100 + Number((typed[2] || '').padEnd(2, '0'));
    const unit = Math.floor((2 * fen * Number(output.dataset.per) + measure) / (2 * measure));
    output.hidden = false;
    output.textContent = output.dataset.words.replace('{price}', `${Math.floor(unit / 100)}.${String(unit % 100).padStart(2, '0')}`);
  };
  for (const field of [price, ...amount]) {
    field.addEventListener('input', show);
    field.addEventListener('change', show);
  }
  show();
}
