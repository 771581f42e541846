let calls = 0
exports.echo = async (event) => event
exports.show = async (event) => {
  console.log(JSON.stringify(event))
  return event
}
exports.count = async () => ({ counter: calls++ })
exports.nothing = async () => {}
