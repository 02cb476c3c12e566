// Attaches each behaviour to the elements that ask for it. Every page works without any of them.
const behaviours = {
  stepper: '[data-stepper]',
  unitprice: '[data-unit-price]',
  photos: '[data-photos]',
  areas: '[data-areas]',
  once: 'form[data-once]',
  confirm: '[data-confirm]',
  picknumber: '[data-pick-number]',
  copy: '[data-copy]',
  print: '[data-print]',
  quote: 'form[data-quote]',
};

for (const [name, selector] of Object.entries(behaviours)) {
  const elements = document.querySelectorAll(selector);
  if (elements.length) {
    import(`./behaviours/${name}.js`).then(({ attach }) => elements.forEach(attach));
  }
}

document.querySelector('[data-focus]')?.focus();
