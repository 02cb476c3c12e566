// Shows the chosen pictures under a picker and how much will be sent. The files themselves are left as they are.
export function attach(box) {
  const inputs = [...box.querySelectorAll('input[type=file]')];
  const thumbs = box.querySelector('[data-thumbs]');
  const words = box.querySelector('[data-photo-words]');
  let shown = [];
  const show = () => {
    shown.forEach((url) => URL.revokeObjectURL(url));
    shown = [];
    thumbs.replaceChildren();
    const files = inputs.flatMap((input) => [...input.files]);
    files.forEach((file, index) => {
      if (!file.type.startsWith('image/')) return;
      const image = new Image();
      image.src = URL.createObjectURL(file);
      image.alt = words.dataset.again.replace('{number}', index + 1);
      shown.push(image.src);
      const frame = document.createElement('div');
      frame.append(image);
      thumbs.append(frame);
    });
    thumbs.hidden = !shown.length;
    const bytes = files.reduce((sum, file) => sum + file.size, 0);
    const size = bytes < 1e6 ? `${Math.ceil(bytes / 1e3)} KB` : `${(bytes / 1e6).toFixed(1)} MB`;
    words.textContent = files.length ? words.dataset.chosen.replace('{count}', files.length).replace('{size}', size) : '';
  };
  inputs.forEach((input) => input.addEventListener('change', show));
}
