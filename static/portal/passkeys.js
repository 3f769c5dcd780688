// A person who cancels, or a device without this passkey: say so on the page.
document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  document.getElementById("passkey_trouble")?.removeAttribute("hidden");
});

// Enter in the field of the name does what the button does: ask the device first.
document.addEventListener("submit", (event) => {
  const add = document.getElementById("mfa_webauthn_add");
  if (add && add.form === event.target) {
    event.preventDefault();
    add.click();
  }
});
