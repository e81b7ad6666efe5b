// A file that is sent: how far it is, and in words what is wrong with it.
"use strict";
{
  const say = (form, words, wrong = false) => {
    const said = form.querySelector(".said");
    said.textContent = words;
    said.classList.toggle("stale", wrong);
    form.querySelector("progress").hidden = wrong || !words;
  };
  const formOf = (event) => event.target.closest?.("form.drop");
  const on = (name, does) =>
    document.addEventListener(name, (event) => {
      const form = formOf(event);
      if (form) does(form, event);
    });
  on("htmx:beforeRequest", (form, event) => {
    const file = form.elements.audio.files[0];
    const most = Number(form.dataset.most);
    if (file && file.size <= most) return say(form, "Sending …");
    event.preventDefault();
    if (file) say(form, `The file has ${Math.ceil(file.size / 1e6)} MB; wanted at most ${most / 1e6} MB.`, true);
  });
  on("htmx:xhr:progress", (form, event) => {
    const { lengthComputable, loaded, total } = event.detail;
    if (!lengthComputable || !total) return;
    form.querySelector("progress").value = (100 * loaded) / total;
    if (loaded === total) say(form, "Hearing it …");
  });
  on("htmx:responseError", (form, event) => {
    let why = "The server could not answer.";
    try {
      why = JSON.parse(event.detail.xhr.responseText).detail;
    } catch {} // not by this server
    say(form, why, true);
  });
  on("htmx:sendError", (form) => say(form, "The server cannot be reached.", true));
  for (const [name, over] of [["dragover", true], ["dragleave", false], ["drop", false]])
    on(name, (form) => form.classList.toggle("over", over));
}
