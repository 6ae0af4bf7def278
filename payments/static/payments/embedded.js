// Mounts the provider's payment form. Everything secret is the provider's: this script sees no card.
"use strict";
(async () => {
    const place = document.getElementById("checkout");
    const trouble = document.getElementById("trouble");
    try {
        const stripe = window.Stripe(place.dataset.key);
        const form = await stripe.createEmbeddedCheckoutPage({fetchClientSecret: async () => place.dataset.secret});
        form.mount("#checkout");
    } catch (error) {
        trouble.hidden = false;
        throw error;
    }
})();
