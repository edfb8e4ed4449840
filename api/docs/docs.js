"use strict";

window.ui = SwaggerUIBundle({
	url: "/openapi.json",
	dom_id: "#swagger-ui",
	deepLinking: true,
	persistAuthorization: true,
	tryItOutEnabled: true,
	displayRequestDuration: true,
	docExpansion: "list",
	defaultModelsExpandDepth: 0,
	// No outside host is asked whether the document is valid.
	validatorUrl: null,
});
