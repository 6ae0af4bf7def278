// Stands in for Stripe.js: the one function that an embedded Checkout page needs.
"use strict";
(() => {
    const home = new URL(document.currentScript.src).origin;
    window.Stripe = (key) => ({
        createEmbeddedCheckoutPage: async ({fetchClientSecret, clientSecret}) => {
            const secret = clientSecret || (await fetchClientSecret());
            const frame = document.createElement("iframe");
            frame.src = `${home}/c/pay/${secret.split("_secret_")[0]}`;
            frame.title = "Payment form";
            frame.setAttribute("width", "100%");
            frame.setAttribute("height", "1080");
            frame.setAttribute("frameborder", "0");
            const listen = (message) => {
                if (message.origin === home && message.source === frame.contentWindow && message.data.leave) {
                    window.location.assign(message.data.leave);
                }
            };
            return {
                mount: (place) => {
                    window.addEventListener("message", listen);
                    (typeof place === "string" ? document.querySelector(place) : place).append(frame);
                },
                unmount: () => frame.remove(),
                destroy: () => {
                    window.removeEventListener("message", listen);
                    frame.remove();
                },
            };
        },
    });
})();
