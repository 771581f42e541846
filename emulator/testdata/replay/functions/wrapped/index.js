exports.handler = async () => ({ environment: { WRAPPED: process.env.WRAPPED } })
