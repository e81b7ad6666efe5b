// Says why a vote or a pair of lists was refused: htmx leaves the page as it is then.
"use strict";
const told = document.getElementById("told");
const tell = (text) => {
  told.textContent = text;
  told.hidden = !text;
};
document.body.addEventListener("htmx:beforeRequest", () => tell(""));
document.body.addEventListener("htmx:responseError", (event) => {
  let why = event.detail.xhr.statusText;
  try {
    const problem = JSON.parse(event.detail.xhr.responseText);
    why = `${problem.title}: ${problem.detail}`;
  } catch { /* not a problem document */ }
  tell(why);
});
document.body.addEventListener("htmx:sendError", () => tell("The server does not answer."));
