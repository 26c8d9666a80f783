// A number beyond its bounds stays in its field, red, and is not sent: Streamlit would start with the one before it (1.67).
// What starts something waits therefore until the number is one that can be: the field takes the focus and says its bounds.

const STARTS = "[data-testid^=stBaseButton-primary]";
const NUMBERS = "[data-testid=stNumberInputField]";

export default function () {
  if (window.raglassNumbers) return;
  window.raglassNumbers = true;
  document.addEventListener("click", holdBack, true);
}

function holdBack(event) {
  if (!event.target.closest?.(STARTS)) return;
  const wrong = [...document.querySelectorAll(NUMBERS)].find((field) => field.offsetParent && isBeyond(field.validity));
  if (!wrong) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  wrong.focus();
  wrong.reportValidity();
}

function isBeyond({ rangeOverflow, rangeUnderflow, badInput }) {
  return rangeOverflow || rangeUnderflow || badInput;
}
