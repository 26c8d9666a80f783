// A number beyond its bounds stays in its field, red, and is not sent: Streamlit would start with the one before it (1.67), and with the
// least one where the field is empty. What starts something waits therefore until the number is one that can be: the field has the focus,
// and below it stands which numbers can be.

const STARTS = "[data-testid^=stBaseButton-primary]";
const NUMBERS = "[data-testid=stNumberInputField]";
const SAID = "raglass-bounds";

export default function () {
  if (window.raglassNumbers) return;
  window.raglassNumbers = true;
  // Already when the button is pressed down: an empty field that loses the focus is filled.
  for (const deed of ["mousedown", "click"]) document.addEventListener(deed, holdBack, true);
  for (const deed of ["input", "click"]) document.addEventListener(deed, () => setTimeout(tidy), true);
}

function holdBack(event) {
  if (!event.target.closest?.(STARTS)) return;
  const wrong = [...document.querySelectorAll(NUMBERS)].find((field) => field.offsetParent && isWrong(field));
  if (!wrong) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  wrong.focus();
  say(wrong);
}

function isWrong({ value, validity }) {
  return value === "" || validity.rangeOverflow || validity.rangeUnderflow || validity.badInput;
}

function say(field) {
  const [least, most] = [field.min, field.max].map((each) => Number(each).toLocaleString("en"));
  const box = field.closest("[data-testid=stNumberInput]");
  const words = box.querySelector(`.${SAID}`) ?? box.appendChild(document.createElement("div"));
  words.className = SAID;
  words.setAttribute("role", "alert");
  words.textContent = `From ${least} to ${most}`;
}

function tidy() {
  for (const words of document.querySelectorAll(`.${SAID}`)) {
    if (!isWrong(words.parentElement.querySelector(NUMBERS))) words.remove();
  }
}
