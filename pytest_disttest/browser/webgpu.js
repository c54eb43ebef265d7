// What WebGPU can do here: asked step by step, each step with a limit, told as far as it came.

// Fail with {hung: true} where the promise does not settle: a broken driver leaves requestAdapter pending for ever.
function within(patience_ms, step, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject({step, hung: true, why: `no answer within ${patience_ms / 1000} s`}), patience_ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Run body(answer, step), where step(name, promise) awaits within the limit, and return the answer with what failed.
async function stepwise(patience_ms, body) {
  const answer = {secure: isSecureContext};
  let now = "start";
  const step = (name, promise) => within(patience_ms, (now = name), promise);
  try {
    await body(answer, step);
  } catch (error) {
    answer.failed = error && error.step ? error : {step: now, hung: false, why: `${error.name}: ${error.message}`};
  }
  return answer;
}

const MATMUL = `
  @group(0) @binding(0) var<storage, read> a: array<f32>;
  @group(0) @binding(1) var<storage, read> b: array<f32>;
  @group(0) @binding(2) var<storage, read_write> product: array<f32>;
  override n: u32;
  @compute @workgroup_size(8, 8) fn main(@builtin(global_invocation_id) at: vec3u) {
    if (at.x >= n || at.y >= n) { return; }
    var sum = 0.0;
    for (var k = 0u; k < n; k++) { sum += a[at.y * n + k] * b[k * n + at.x]; }
    product[at.y * n + at.x] = sum;
  }`;

// Return the numbers that a compute shader writes into its last buffer, of size words, given the other buffers.
async function computed(device, step, code, constants, inputs, size, groups) {
  const pipeline = await step("createComputePipelineAsync", device.createComputePipelineAsync({
    layout: "auto", compute: {module: device.createShaderModule({code}), entryPoint: "main", constants}}));
  const buffers = inputs.map(numbers => {
    const buffer = device.createBuffer({size: numbers.byteLength, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST});
    device.queue.writeBuffer(buffer, 0, numbers);
    return buffer;
  });
  const result = device.createBuffer({size: size * 4, usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC});
  const readable = device.createBuffer({size: size * 4, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST});
  const entries = [...buffers, result].map((buffer, binding) => ({binding, resource: {buffer}}));
  const encoder = device.createCommandEncoder(), pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({layout: pipeline.getBindGroupLayout(0), entries}));
  pass.dispatchWorkgroups(...groups);
  pass.end();
  encoder.copyBufferToBuffer(result, 0, readable, 0, size * 4);
  device.queue.submit([encoder.finish()]);
  await step("mapAsync", readable.mapAsync(GPUMapMode.READ));
  return readable.getMappedRange().slice(0);
}

function isFallback(adapter) {
  return Boolean((adapter.info && adapter.info.isFallbackAdapter) || adapter.isFallbackAdapter);
}

function limitsOf(owner) {
  const limits = {};
  for (const name in owner.limits) {
    if (typeof owner.limits[name] === "number") limits[name] = owner.limits[name];
  }
  return limits;
}

// Answer with the adapter, its features, and the product of two n x n matrices.
function webgpu(patience_ms, n, a, b) {
  return stepwise(patience_ms, async (answer, step) => {
    answer.api = "gpu" in navigator && Boolean(navigator.gpu);
    if (!answer.api) return;
    const adapter = await step("requestAdapter", navigator.gpu.requestAdapter({powerPreference: "high-performance"}));
    answer.adapter = Boolean(adapter);
    if (!adapter) return;
    const {vendor, architecture, device: name, description, type} = adapter.info || {};
    answer.info = {vendor, architecture, device: name, description, type, fallback: isFallback(adapter)};
    answer.features = [...adapter.features];
    const device = await step("requestDevice", adapter.requestDevice());
    const inputs = [new Float32Array(a), new Float32Array(b)], groups = [Math.ceil(n / 8), Math.ceil(n / 8)];
    answer.numbers = [...new Float32Array(await computed(device, step, MATMUL, {n}, inputs, n * n, groups))];
    device.destroy();
  });
}

// Whether make() works on the device: its errors come through the error scopes.
async function works(device, step, name, make) {
  for (const filter of ["internal", "out-of-memory", "validation"]) device.pushErrorScope(filter);
  let made;
  try { made = make(); } catch (error) { made = null; }
  const errors = [];
  for (let scope = 0; scope < 3; scope++) errors.push(await step(name, device.popErrorScope()));
  if (made) made.destroy();
  return Boolean(made) && errors.every(error => !error);
}

// A software adapter's buffer is the host's own memory, and some builds write all of it: no more than this is tried.
const SOFTWARE_BYTES = 256 * 1024 * 1024;

// The largest size up to limit that works, to a sixteenth of the limit; 0 where none does.
async function largest(limit, works) {
  if (await works(limit)) return limit;
  let good = 0, bad = limit;
  for (let round = 0; round < 4; round++) {
    const middle = Math.floor((good + bad) / 2 / 4) * 4;
    if (await works(middle)) good = middle; else bad = middle;
  }
  return good;
}

// Each invocation of one workgroup writes a number that depends on its own index. (Nothing is shared: SwiftShader
// compiles 0.2 s at a barrier.)
const TOGETHER = (width, height) => `
  @group(0) @binding(0) var<storage, read_write> seen: array<u32>;
  @compute @workgroup_size(${width}, ${height}) fn main(@builtin(local_invocation_index) me: u32) {
    seen[me] = me * me + 1u;
  }`;

// Answer with the limits of a device that was granted all its adapter has, and with those that were tried: how large
// a buffer may really be, a texture, a workgroup (with the numbers it wrote). A workgroup's memory is not tried:
// SwiftShader compiles half a minute at a shader that uses all of it.
function webgpuLimits(patience_ms) {
  return stepwise(patience_ms, async (answer, step) => {
    const adapter = await step("requestAdapter", navigator.gpu.requestAdapter({powerPreference: "high-performance"}));
    const device = await step("requestDevice", adapter.requestDevice({requiredLimits: limitsOf(adapter)}));
    answer.limits = limitsOf(device);
    const side = device.limits.maxTextureDimension2D;
    answer.texture = await works(device, step, "createTexture", () => device.createTexture(
      {size: [side, 1], format: "r8unorm", usage: GPUTextureUsage.COPY_DST}));
    const cap = isFallback(adapter) ? SOFTWARE_BYTES : Infinity;
    answer.buffer = await largest(Math.min(device.limits.maxBufferSize, cap), size => works(device, step, "createBuffer",
      () => device.createBuffer({size, usage: GPUBufferUsage.STORAGE})));
    const {maxComputeInvocationsPerWorkgroup: most, maxComputeWorkgroupSizeX: x} = device.limits;
    const width = Math.min(most, x), height = Math.floor(most / width);
    answer.invocations = width * height;
    const seen = await computed(device, step, TOGETHER(width, height), {}, [], answer.invocations, [1]);
    answer.seen = [...new Uint32Array(seen)];
    device.destroy();
  });
}
