// What WebNN can do here. What a context was asked for is a hint that browsers accept and ignore ("npu" succeeds
// without one): where a graph ran is what the graph says, and that it ran is what its numbers say.

const DEVICE_HINTS = ["", "gpu", "npu"];

// Answer with the operators of the default context, and, per hint, the devices and numbers of relu(x * w + bias).
function webnn(patience_ms, n, x, w, bias) {
  return stepwise(patience_ms, async (answer, step) => {
    answer.api = "ml" in navigator && Boolean(navigator.ml);
    if (!answer.api) return;
    answer.runs = [];
    for (const hint of DEVICE_HINTS) {
      try {
        answer.runs.push(await layer(step, hint, n, x, w, bias, answer));
      } catch (error) {
        if (!hint || error.hung) throw error;
        answer.runs.push({hint, why: `${error.name}: ${error.message}`});
      }
    }
  });
}

async function layer(step, hint, n, x, w, bias, answer) {
  const context = await step("createContext", navigator.ml.createContext(hint ? {deviceType: hint} : {}));
  if (!hint && context.opSupportLimits) answer.ops = operators(context.opSupportLimits());
  const builder = new MLGraphBuilder(context), matrix = {dataType: "float32", shape: [n, n]};
  const constant = numbers => builder.constant(matrix, new Float32Array(numbers));
  const y = builder.relu(builder.add(builder.matmul(builder.input("x", matrix), constant(w)), constant(bias)));
  const graph = await step("build", builder.build({y}));
  const given = await step("createTensor", context.createTensor({...matrix, writable: true}));
  const found = await step("createTensor", context.createTensor({...matrix, readable: true}));
  context.writeTensor(given, new Float32Array(x));
  context.dispatch(graph, {x: given}, {y: found});
  const numbers = [...new Float32Array(await step("readTensor", context.readTensor(found)))];
  const devices = graph.devices ? [...graph.devices] : null;
  context.destroy();
  return {hint, devices, numbers};
}

// The names in opSupportLimits() that are operators: those with operands and results of their own.
function operators(limits) {
  const others = ["input", "constant", "output", "maxTensorByteLength", "preferredInputLayout"];
  return Object.keys(limits).filter(name => !others.includes(name));
}
